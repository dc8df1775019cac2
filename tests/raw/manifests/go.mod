// x
module example.com/acme/shop/v2 // y

go 1.22
